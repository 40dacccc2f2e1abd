"""A prediction in one plain sentence."""

from __future__ import annotations

from collections.abc import Mapping

from mer_core.demo.panels.markup import capitalised, percent, ranked
from mer_core.demo.panels.nouns import modalities, noun, verb
from mer_core.types import Prediction, State

SURE = 0.5  # below this probability the model is called not sure
LEAD = 0.1  # and so it is when the second category is closer than this
NO_CATEGORY = "The model assigns no category to this input."


def summary(prediction: Prediction) -> str:
    """What the model assigns, how surely, and whether the modalities agree; plain text."""
    if prediction.emotion is None:
        return prediction.message or NO_CATEGORY
    if prediction.state != State.OK:  # half of the input was not used: that comes first
        return f"{prediction.message} {capitalised(_result(prediction))}".strip()
    return f"{_of_whole_input(prediction)} {prediction.message}".strip()


def is_sure(probabilities: Mapping[str, float]) -> bool:
    """Whether one category clearly leads."""
    (_, best), *others = ranked(probabilities)
    return best >= SURE and (not others or best - others[0][1] >= LEAD)


def _of_whole_input(prediction: Prediction) -> str:
    alone = {
        name: ranked(probabilities)[0]
        for name in modalities(prediction)
        if (probabilities := prediction.by_modality[name])
    }
    result = _result(prediction)
    if len(alone) == 2:
        return _compared(prediction, alone, result)
    if not alone:
        return capitalised(result)
    (name,) = alone
    return f"From the {noun(name)} alone, {result}"


def _is_unsure(prediction: Prediction) -> bool:
    return len(prediction.probabilities) > 1 and not is_sure(prediction.probabilities)


def _result(prediction: Prediction) -> str:
    """The second half of the sentence, lower case."""
    if not _is_unsure(prediction):
        confidence = prediction.probabilities.get(str(prediction.emotion), 0.0)
        return f"the model assigns {prediction.emotion} with {percent(confidence)} confidence."
    (first, p_first), (second, p_second) = ranked(prediction.probabilities)[:2]
    if p_first - p_second < LEAD:
        return (
            f"the model is not sure: {first} ({percent(p_first)}) "
            f"is just ahead of {second} ({percent(p_second)})."
        )
    return f"the model is not sure: {first} leads with only {percent(p_first)}."


def _compared(prediction: Prediction, alone: Mapping[str, tuple[str, float]], result: str) -> str:
    """Where the model rated the pair itself (`match`), only that rating speaks of agreement."""
    (first, (first_emotion, _)), (second, (second_emotion, _)) = alone.items()
    pair = f"{noun(first)} and {noun(second)}".capitalize()
    rated = prediction.match is not None
    if first_emotion != second_emotion:
        each = ", ".join(
            f"the {noun(name)} alone {verb(name, 'suggests', 'suggest')} "
            f"{emotion} ({percent(probability)})"
            for name, (emotion, probability) in alone.items()
        )
        opening = capitalised(each) if rated else f"{pair} disagree: {each}"
        return f"{opening}. Together, {result}"
    if first_emotion != prediction.emotion:
        return f"{pair} each suggest {first_emotion}, yet together {result}"
    if _is_unsure(prediction):
        return f"{pair} both lean towards {first_emotion}, but {result}"
    return f"{pair} {f'each suggest {first_emotion}' if rated else 'agree'}: {result}"
