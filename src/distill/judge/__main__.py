from distill.common import cli
from distill.judge.stage import main

cli.run(main)
