"""A test is judged by what it finds and not by how busy the machine was."""

from hypothesis import settings

settings.register_profile("polywire", deadline=None)
settings.load_profile("polywire")
