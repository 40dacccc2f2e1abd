"""One plain sentence that sums a prediction up."""

from __future__ import annotations

from dataclasses import dataclass

from mer_core.demo.panels.markup import percent, ranked
from mer_core.demo.panels.nouns import noun
from mer_core.types import Prediction

SURE = 0.5  # below this probability the model is said to be not sure
SURE_NOT = "the model is not sure"
LEAD = 0.1  # nor is it when the second category is closer than this


@dataclass(frozen=True)
class Wording:
    """How two modalities are compared.

    Attributes:
        apart: How a sentence begins whose modalities have different categories.
        verb: What each does "to" a category.
        same: What both do when they have the same one.
    """

    apart: str
    verb: str
    same: str


ALIGNED = Wording("{pair} point apart: the {first} alone", "point", "point the same way")
JUDGED = Wording("The {first} alone leads", "lead", "each lead to {emotion}")


def summary(prediction: Prediction) -> str:
    """What the model assigns, how surely, and whether the modalities agree; plain text."""
    if prediction.emotion is None:
        return prediction.message or "The model assigns no category to this input."
    verdict = _verdict(prediction)
    if prediction.state != "ok":  # half of the input could not be judged: that comes first
        return f"{prediction.message} {_capitalised(verdict)}".strip()
    return f"{_from_whole_input(prediction, verdict)} {prediction.message}".strip()


def is_sure(probabilities: dict[str, float]) -> bool:
    """Whether one category clearly leads."""
    (_, best), *others = ranked(probabilities)
    return best >= SURE and (not others or best - others[0][1] >= LEAD)


def _from_whole_input(prediction: Prediction, verdict: str) -> str:
    assert prediction.emotion is not None, "without a category there is nothing to compare"
    alone = {
        name: ranked(probabilities)[0]
        for name, probabilities in prediction.by_modality.items()
        if name != "both" and probabilities
    }
    if not alone:
        return _capitalised(verdict)
    if len(alone) == 1:
        return f"From the {noun(next(iter(alone)))} alone, {verdict}"
    # Where a pair was judged for itself, only that judgement may say whether the two agree.
    wording = ALIGNED if prediction.match is None else JUDGED
    return _compared(alone, prediction.emotion, verdict, wording)


def _verdict(prediction: Prediction) -> str:
    """The second half of the sentence, lower case."""
    order = ranked(prediction.probabilities)
    chance = prediction.probabilities.get(str(prediction.emotion), 0.0)
    if order and not is_sure(prediction.probabilities) and len(order) > 1:
        (first, p_first), (second, p_second) = order[:2]
        return (
            f"{SURE_NOT}: {first} ({percent(p_first)}) "
            f"comes just before {second} ({percent(p_second)})."
            if p_first - p_second < LEAD
            else f"{SURE_NOT}: {first} leads with only {percent(p_first)}."
        )
    return f"the model assigns {prediction.emotion} with {percent(chance)} confidence."


def _compared(
    alone: dict[str, tuple[str, float]], emotion: str, verdict: str, wording: Wording
) -> str:
    (first, (first_top, first_p)), (second, (second_top, second_p)) = list(alone.items())[:2]
    pair = f"{noun(first)} and {noun(second)}".capitalize()
    if first_top != second_top:
        return (
            f"{wording.apart.format(pair=pair, first=noun(first))} to {first_top} "
            f"({percent(first_p)}), the {noun(second)} alone to {second_top} "
            f"({percent(second_p)}). Together, {verdict}"
        )
    if first_top != emotion:
        return f"{pair} each {wording.verb} to {first_top}, yet together {verdict}"
    if SURE_NOT in verdict:
        return f"{pair} both lean towards {emotion}, but {verdict}"
    return f"{pair} {wording.same.format(emotion=emotion)}: {verdict}"


def _capitalised(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
