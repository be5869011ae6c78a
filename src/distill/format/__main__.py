from distill.common import cli
from distill.format.stage import main

cli.run(main)
