"""Modules that only some of the stages use, so dvc.yaml lists them one by one."""
