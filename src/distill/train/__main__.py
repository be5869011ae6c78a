from distill.common import cli
from distill.train.stage import main

cli.run(main)
