"""A test is judged by what it finds and not by how busy the machine was.

Under CI the examples are the same every time, so that a change is judged by itself; everywhere else each run looks
at new ones.
"""

import os

from hypothesis import settings

settings.register_profile("polywire", deadline=None, derandomize=bool(os.environ.get("CI")), print_blob=True)
settings.load_profile("polywire")
