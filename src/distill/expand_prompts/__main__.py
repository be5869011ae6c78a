from distill.common import cli
from distill.expand_prompts.stage import main

cli.run(main)
