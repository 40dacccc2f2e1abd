"""A whole prediction as two parts of a page: beside the inputs, and below them."""

from __future__ import annotations

from mer_core.demo.panels.cross_attention import cross_attention_figure
from mer_core.demo.panels.match import match_meter
from mer_core.demo.panels.occlusion import occlusion_figure
from mer_core.demo.panels.probabilities import comparison, verdict
from mer_core.demo.panels.timeline import timeline_figure
from mer_core.demo.panels.video_timeline import video_timeline_figure
from mer_core.types import Prediction


def render_verdict(prediction: Prediction) -> str:
    """The category, its bars, whether the pair matches, and the modalities side by side."""
    return verdict(prediction) + match_meter(prediction) + comparison(prediction)


def render_first_verdict(prediction: Prediction) -> str:
    """The same of a voice whose words are still being written down."""
    return verdict(prediction) + match_meter(prediction)


def render_details(prediction: Prediction) -> str:
    """Figures of the full width; empty where there is nothing to draw."""
    return timeline_figure(prediction) + occlusion_figure(prediction)


def render_video_details(prediction: Prediction) -> str:
    """The same for a clip with a picture."""
    return video_timeline_figure(prediction) + cross_attention_figure(prediction)
