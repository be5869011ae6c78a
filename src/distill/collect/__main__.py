from distill.collect.stage import main
from distill.common import cli

cli.run(main)
