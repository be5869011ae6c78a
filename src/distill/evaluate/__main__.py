from distill.common import cli
from distill.evaluate.stage import main

cli.run(main)
