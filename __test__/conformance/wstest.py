"""Starts Autobahn's wstest (Python 2.7) from a folder filled by `pip install --target`.

Usage: python2.7 wstest.py FOLDER [wstest's arguments]

A folder on PYTHONPATH is not enough: zope.interface lives in a namespace package whose .pth file
is only read from a site folder. The folder is put first, in front of what the machine has.
"""
import site
import sys

packages = sys.argv.pop(1)
known = list(sys.path)
site.addsitedir(packages)
added = [entry for entry in sys.path if entry not in known]
sys.path[:] = added + known

from autobahntestsuite.wstest import run

run()
