"""What a person asks of each verb: one frozen object a verb, spelled once.

The command line flattens these into options (a field is an option, the text below it is its help),
the functions of :mod:`lookalike.api` take them whole or field by field, and the stages read them.
Nothing here needs torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lookalike import lazy

if TYPE_CHECKING:
    from lookalike.settings.collect import (
        CrawlSettings,
        ImportSettings,
        SearchSettings,
        SetSettings,
        UrlsSettings,
    )
    from lookalike.settings.data import (
        DemoSettings,
        DoctorSettings,
        PrepareSettings,
        TransformSettings,
    )
    from lookalike.settings.device import Device
    from lookalike.settings.evaluation import EvaluateSettings, UtilitySettings
    from lookalike.settings.pictures import ExpandSettings, GenerateSettings
    from lookalike.settings.training import CompareSettings, StartSettings, TrainSettings

__all__ = [
    "CompareSettings",
    "CrawlSettings",
    "DemoSettings",
    "Device",
    "DoctorSettings",
    "EvaluateSettings",
    "ExpandSettings",
    "GenerateSettings",
    "ImportSettings",
    "PrepareSettings",
    "SearchSettings",
    "SetSettings",
    "StartSettings",
    "TrainSettings",
    "TransformSettings",
    "UrlsSettings",
    "UtilitySettings",
]

__getattr__ = lazy(
    __name__,
    {
        "collect": (
            "CrawlSettings",
            "ImportSettings",
            "SearchSettings",
            "SetSettings",
            "UrlsSettings",
        ),
        "data": ("DemoSettings", "DoctorSettings", "PrepareSettings", "TransformSettings"),
        "device": ("Device",),
        "evaluation": ("EvaluateSettings", "UtilitySettings"),
        "pictures": ("ExpandSettings", "GenerateSettings"),
        "training": ("CompareSettings", "StartSettings", "TrainSettings"),
    },
)
