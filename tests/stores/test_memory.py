"""What a process remembers is forgotten when it changes (decision 0021)."""

from appanage.kit.memory import Memory

KEY, OTHER, THIRD = b"key", b"other", b"third"


def test_what_rests_on_a_thing_is_forgotten_with_it_and_nothing_else():
    memory: Memory[str] = Memory(10)
    memory.keep(KEY, "value", rests_on=["app:1", "account:1"], asked_at=memory.moment)
    memory.keep(OTHER, "value", rests_on=["app:2", "account:1"], asked_at=memory.moment)

    memory.forget("app:1")

    assert memory.recall(KEY) is None
    assert memory.recall(OTHER) == "value"


def test_a_thing_may_be_named_twice():
    memory: Memory[str] = Memory(10)
    memory.keep(KEY, "value", rests_on=["organization:1", "organization:1"], asked_at=memory.moment)

    memory.forget("organization:1")

    assert memory.recall(KEY) is None


def test_a_value_is_not_kept_when_there_was_news_since_the_question():
    """The answer may be older than the news (checklist REV-05)."""
    memory: Memory[str] = Memory(10)
    asked_at = memory.moment
    memory.forget("app:1")

    memory.keep(KEY, "value", rests_on=["app:1"], asked_at=asked_at)

    assert memory.recall(KEY) is None


def test_news_of_everything_leaves_nothing_and_lets_nothing_late_in():
    memory: Memory[str] = Memory(10)
    asked_at = memory.moment
    memory.keep(KEY, "value", rests_on=["app:1"], asked_at=asked_at)

    memory.forget_all()
    memory.keep(OTHER, "value", rests_on=["app:1"], asked_at=asked_at)

    assert len(memory) == 0


def test_of_more_than_there_is_room_for_the_least_used_go():
    memory: Memory[str] = Memory(2)
    for key in (KEY, OTHER):
        memory.keep(key, "value", rests_on=[], asked_at=memory.moment)
    memory.recall(KEY)

    memory.keep(THIRD, "value", rests_on=["app:1"], asked_at=memory.moment)

    assert (memory.recall(KEY), memory.recall(OTHER), memory.recall(THIRD)) == ("value", None, "value")


def test_a_new_value_takes_the_place_of_the_old_one_and_of_what_that_rested_on():
    memory: Memory[str] = Memory(2)
    memory.keep(KEY, "old", rests_on=["app:1"], asked_at=memory.moment)
    memory.keep(KEY, "new", rests_on=["app:2"], asked_at=memory.moment)

    memory.forget("app:1")

    assert memory.recall(KEY) == "new"
