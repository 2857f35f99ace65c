"""`python -m sw_driver.cli`."""

from sw_driver.cli import main

main()
