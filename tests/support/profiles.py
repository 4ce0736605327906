"""Stories that are told of every profile, and those that are not."""

import pytest

from appanage.profiles import ProfileName

in_every_profile = pytest.fixture(params=list(ProfileName), ids=str)
"""Makes a fixture `profile` of a function that returns `request.param`."""

commercial_only = pytest.mark.parametrize("profile", [ProfileName.COMMERCIAL], indirect=True, ids=str)
"""For a story whose rule is another one in the fedramp profile, or that takes place before any profile matters."""

fedramp_only = pytest.mark.parametrize("profile", [ProfileName.FEDRAMP], indirect=True, ids=str)
