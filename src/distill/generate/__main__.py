from distill.common import cli
from distill.generate.stage import main

cli.run(main)
