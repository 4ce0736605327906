"""Who may do what with a submission in which state, as one table."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from appanage.apphub.model import SubmissionState
from appanage.kit.errors import Conflict


class Act(StrEnum):
    """What is done with a submission; the value continues the words "you cannot"."""

    SUBMIT = "hand it in"
    WITHDRAW = "withdraw it"
    ANSWER = "write to its reviewers"
    TAKE = "take it"
    CHECK = "tick its checklist"
    ASK = "write to its developers"
    REQUEST_CHANGES = "request changes"
    APPROVE = "approve it"
    REJECT = "reject it"


OF_DEVELOPERS = frozenset({Act.SUBMIT, Act.WITHDRAW, Act.ANSWER})
OF_REVIEWERS = frozenset(Act) - OF_DEVELOPERS
OF_WHO_TOOK_IT = OF_REVIEWERS - {Act.TAKE, Act.ASK}
"""What only the reviewer may do who has taken the submission, so that two never decide on the same one."""

_NOTHING, _SUBMITTED, _IN_REVIEW = None, SubmissionState.SUBMITTED, SubmissionState.IN_REVIEW
_CHANGES = SubmissionState.CHANGES_REQUESTED

TABLE: Mapping[tuple[SubmissionState | None, Act], SubmissionState] = MappingProxyType(
    {
        (_NOTHING, Act.SUBMIT): _SUBMITTED,
        (_SUBMITTED, Act.WITHDRAW): SubmissionState.WITHDRAWN,
        (_SUBMITTED, Act.ANSWER): _SUBMITTED,
        (_SUBMITTED, Act.TAKE): _IN_REVIEW,
        (_SUBMITTED, Act.ASK): _SUBMITTED,
        (_IN_REVIEW, Act.WITHDRAW): SubmissionState.WITHDRAWN,
        (_IN_REVIEW, Act.ANSWER): _IN_REVIEW,
        (_IN_REVIEW, Act.TAKE): _IN_REVIEW,
        (_IN_REVIEW, Act.CHECK): _IN_REVIEW,
        (_IN_REVIEW, Act.ASK): _IN_REVIEW,
        (_IN_REVIEW, Act.REQUEST_CHANGES): _CHANGES,
        (_IN_REVIEW, Act.APPROVE): SubmissionState.APPROVED,
        (_IN_REVIEW, Act.REJECT): SubmissionState.REJECTED,
        (_CHANGES, Act.SUBMIT): _SUBMITTED,
        (_CHANGES, Act.WITHDRAW): SubmissionState.WITHDRAWN,
        (_CHANGES, Act.ANSWER): _CHANGES,
        (_CHANGES, Act.TAKE): _CHANGES,
        (_CHANGES, Act.ASK): _CHANGES,
        (_CHANGES, Act.REJECT): SubmissionState.REJECTED,
    }
)
"""The state after each act that is possible; where nothing is open, the state is None. An act that is missing is refused."""

LABELS: Mapping[SubmissionState, str] = MappingProxyType(
    {
        SubmissionState.SUBMITTED: "Waiting for a reviewer",
        SubmissionState.IN_REVIEW: "In review",
        SubmissionState.CHANGES_REQUESTED: "Changes requested",
        SubmissionState.APPROVED: "Approved",
        SubmissionState.REJECTED: "Rejected",
        SubmissionState.WITHDRAWN: "Withdrawn",
    }
)

_WHY: Mapping[SubmissionState, str] = MappingProxyType(
    {
        SubmissionState.SUBMITTED: "no reviewer has taken it yet",
        SubmissionState.IN_REVIEW: "it is in review",
        SubmissionState.CHANGES_REQUESTED: "it waits for changes by its developers",
        SubmissionState.APPROVED: "it is approved",
        SubmissionState.REJECTED: "it is rejected",
        SubmissionState.WITHDRAWN: "its developers have withdrawn it",
    }
)


def after(state: SubmissionState, act: Act) -> SubmissionState:
    """The state after the act. Raises Conflict, naming the state, where the act is not possible."""
    following = TABLE.get((state, act))
    if following is None:
        sentence = f"You cannot {act} now: {_WHY[state]}. Nothing was changed."
        raise Conflict(sentence, code=f"submission_{state}")
    return following


def is_possible(state: SubmissionState, act: Act) -> bool:
    return (state, act) in TABLE
