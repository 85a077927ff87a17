"""`from mmf_like import ...` gives what it promises."""

import mmf_like


def test_every_public_name_is_there():
    assert all(getattr(mmf_like, name) is not None for name in mmf_like.__all__)
    assert sorted(mmf_like.__all__) == dir(mmf_like)


def test_the_names_are_the_things_themselves():
    from mmf_like.cli.run import run
    from mmf_like.common.sample import SampleList

    assert mmf_like.run is run
    assert mmf_like.SampleList is SampleList


def test_an_unknown_name_is_an_attribute_error():
    assert not hasattr(mmf_like, "nothing")
