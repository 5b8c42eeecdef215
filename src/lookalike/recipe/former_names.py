"""How parts and modules were called in saved recipes and recipe files of earlier versions.

What has kept its name needs no line, wherever its file is today. Frozen: a line is never
taken away. When a part is renamed, the names on the right follow it, and its name of before gets a
line of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

NAMES: dict[str, str] = {
    "DecoderEncoder": "DEGANObjective",
    "lookalike.parts.adversarial:NonSaturating": "TinyObjective",
    "lookalike.parts.aided:Aided": "RegularizedObjective",
    "lookalike.parts.aided:Alert": "RegularizedDiscriminator",
    "lookalike.parts.alike:Alike": "Consistency",
    "lookalike.parts.alike:AlikeClasses": "ClassConsistency",
    "lookalike.parts.average:Average": "WeightAverage",
    "lookalike.parts.began:BEGAN": "BEGANObjective",
    "lookalike.parts.began:InfoBEGAN": "InfoBEGANObjective",
    "lookalike.parts.began:Pace": "BoundaryRate",
    "lookalike.parts.boosted:Boosted": "BoostedObjective",
    "lookalike.parts.classic:ClassicDiscriminator": "DCGANDiscriminator",
    "lookalike.parts.classic:ClassicGenerator": "DCGANGenerator",
    "lookalike.parts.classifying:Classifying": "AuxiliaryClassifierObjective",
    "lookalike.parts.classifying:SemiSupervised": "SemiSupervisedObjective",
    "lookalike.parts.decoded:Decoded": "NoiseRecoder",
    "lookalike.parts.decoded:DecoderEncoder": "DEGANObjective",
    "lookalike.parts.excitation:ExcitedGenerator": "FastGANGenerator",
    "lookalike.parts.excitation:Rebuilding": "FastGANObjective",
    "lookalike.parts.excitation:RebuildingDiscriminator": "FastGANDiscriminator",
    "lookalike.parts.fast:Block": "ResidualBlock",
    "lookalike.parts.fast:FastEncoder": "SwiftEncoder",
    "lookalike.parts.fast:FastEncoderPlan": "SwiftEncoderPlan",
    "lookalike.parts.fast:FastGenerator": "SwiftGenerator",
    "lookalike.parts.fast:FastGeneratorPlan": "SwiftGeneratorPlan",
    "lookalike.parts.features:Block": "BlockSettings",
    "lookalike.parts.features:pretrained_file": "weights_file",
    "lookalike.parts.features:pretrained_weights": "weights",
    "lookalike.parts.feedback:Answering": "NoiseController",
    "lookalike.parts.feedback:Follow": "MovingAverage",
    "lookalike.parts.frozenjudge:FrozenJudge": "FeatureDiscriminator",
    "lookalike.parts.information:InfoGAN": "InfoGANObjective",
    "lookalike.parts.labels:CrossEntropy": "NonSaturatingLoss",
    "lookalike.parts.modern:ModernDiscriminator": "R3GANDiscriminator",
    "lookalike.parts.modern:ModernGenerator": "R3GANGenerator",
    "lookalike.parts.perceptrons:PerceptronDiscriminator": "MLPDiscriminator",
    "lookalike.parts.perceptrons:PerceptronGenerator": "MLPGenerator",
    "lookalike.parts.projected:Choice": "FeatureChoice",
    "lookalike.parts.projected:PyramidJudge": "PyramidDiscriminator",
    "lookalike.parts.relativistic:Relativistic": "RelativisticObjective",
    "lookalike.parts.resemblance:Drawn": "DrawnBatch",
    "lookalike.parts.resemblance:Resemblance": "SwiftObjective",
    "lookalike.parts.rules:Hinge": "HingeLoss",
    "lookalike.parts.rules:LeastSquares": "LeastSquaresLoss",
    "lookalike.parts.rules:Rule": "AdversarialLoss",
    "lookalike.parts.rules:Wasserstein": "WassersteinLoss",
    "lookalike.parts.stacked:Shrunk": "ShrunkPictures",
    "lookalike.parts.stacked:Stacked": "StackGANObjective",
    "lookalike.parts.strided:halvings": "halving_strides",
    "lookalike.parts.style:StylePlan": "StyleGeneratorPlan",
    "lookalike.parts.styled:Styled": "StyleGAN2Objective",
    "lookalike.parts.turns:Turn": "Trigger",
    "lookalike.parts.wasserstein:SharedNoise": "SharedNoiseObjective",
}
"""What was renamed: how a recipe or a recipe file calls it, and its name of today."""

MODULES: dict[str, tuple[str, ...]] = {
    "lookalike.parts.adversarial": ("lookalike.recipes.tiny.objective",),
    "lookalike.parts.aided": ("lookalike.parts.losses.wrappers", "lookalike.parts.networks.base"),
    "lookalike.parts.alike": ("lookalike.parts.losses.consistency",),
    "lookalike.parts.augmentation": ("lookalike.parts.training.diffaugment",),
    "lookalike.parts.autoencoders": (
        "lookalike.parts.networks.autoencoders",
        "lookalike.recipes.info_began.networks",
        "lookalike.parts.networks.blocks",
    ),
    "lookalike.parts.average": ("lookalike.parts.training.ema",),
    "lookalike.parts.began": (
        "lookalike.parts.losses.began",
        "lookalike.recipes.info_began.objective",
    ),
    "lookalike.parts.blocks": (
        "lookalike.parts.networks.blocks",
        "lookalike.recipes.sngan.networks",
    ),
    "lookalike.parts.boosted": ("lookalike.recipes.dcgan_boosted.objective",),
    "lookalike.parts.choosing": ("lookalike.parts.latents.candidates",),
    "lookalike.parts.classic": (
        "lookalike.parts.networks.dcgan",
        "lookalike.parts.networks.blocks",
    ),
    "lookalike.parts.classifying": ("lookalike.parts.losses.class_losses",),
    "lookalike.parts.codes": ("lookalike.parts.latents.codes",),
    "lookalike.parts.decoded": (
        "lookalike.recipes.degan.networks",
        "lookalike.recipes.degan.objective",
    ),
    "lookalike.parts.excitation": (
        "lookalike.parts.networks.fastgan",
        "lookalike.recipes.fastgan.networks",
        "lookalike.recipes.fastgan.objective",
    ),
    "lookalike.parts.fast": ("lookalike.recipes.swift.networks", "lookalike.parts.networks.blocks"),
    "lookalike.parts.features": (
        "lookalike.parts.networks.frozen_features",
        "lookalike.efficientnet",
    ),
    "lookalike.parts.feedback": (
        "lookalike.parts.training.adaptive",
        "lookalike.recipes.dcgan_boosted.objective",
    ),
    "lookalike.parts.flow": ("lookalike.parts.latents.flow",),
    "lookalike.parts.frozenjudge": ("lookalike.recipes.projected.networks",),
    "lookalike.parts.game": ("lookalike.parts.losses.game",),
    "lookalike.parts.information": ("lookalike.recipes.infogan.objective",),
    "lookalike.parts.labels": ("lookalike.parts.losses.adversarial",),
    "lookalike.parts.modern": ("lookalike.recipes.relativistic.networks",),
    "lookalike.parts.neighbors": ("lookalike.parts.latents.flow",),
    "lookalike.parts.objectives": (
        "lookalike.parts.losses.base",
        "lookalike.parts.losses.game",
        "lookalike.parts.losses.adversarial",
    ),
    "lookalike.parts.optimizers": ("lookalike.parts.training.optimizers",),
    "lookalike.parts.orthogonal": ("lookalike.parts.training.muon",),
    "lookalike.parts.penalties": ("lookalike.parts.losses.penalties",),
    "lookalike.parts.perceptrons": ("lookalike.parts.networks.mlp",),
    "lookalike.parts.priors": ("lookalike.parts.latents.priors",),
    "lookalike.parts.projected": (
        "lookalike.parts.networks.projected",
        "lookalike.recipes.swift.networks",
    ),
    "lookalike.parts.regularizers": (
        "lookalike.recipes.stylegan2.objective",
        "lookalike.parts.training.adaptive",
    ),
    "lookalike.parts.relativistic": ("lookalike.recipes.relativistic.objective",),
    "lookalike.parts.resemblance": ("lookalike.recipes.swift.objective",),
    "lookalike.parts.resnets": ("lookalike.recipes.sngan.networks",),
    "lookalike.parts.rules": ("lookalike.parts.losses.adversarial",),
    "lookalike.parts.schedules": ("lookalike.parts.training.schedules",),
    "lookalike.parts.ssim": ("lookalike.parts.losses.ssim",),
    "lookalike.parts.stacked": (
        "lookalike.recipes.stackgan.networks",
        "lookalike.recipes.stackgan.objective",
    ),
    "lookalike.parts.strided": ("lookalike.parts.networks.strided",),
    "lookalike.parts.style": ("lookalike.recipes.stylegan2.networks",),
    "lookalike.parts.styled": ("lookalike.recipes.stylegan2.objective",),
    "lookalike.parts.tricks": ("lookalike.recipe.tricks",),
    "lookalike.parts.trunks": (
        "lookalike.recipes.infogan.networks",
        "lookalike.parts.networks.blocks",
    ),
    "lookalike.parts.turns": ("lookalike.parts.training.triggers",),
    "lookalike.parts.twoplayer": ("lookalike.parts.losses.two_player",),
    "lookalike.parts.warm": ("lookalike.parts.training.warm_start",),
    "lookalike.parts.warp": ("lookalike.parts.training.warp",),
    "lookalike.parts.wasserstein": ("lookalike.recipes.wgan_logos.objective",),
}
"""What a person's own recipe file may import, and where its names are today."""


def name_today(saved: str) -> str:
    """The class name of today for ``module:Name`` or ``Name`` of a saved recipe.

    ``module:Name`` of a module that is not this package's stays as it is.
    """
    own = saved.rpartition(":")[2] if saved.startswith("lookalike.") else saved
    return NAMES.get(saved, own)


class _FormerModule(ModuleType):
    """A module that has moved: names are looked up where they are today."""

    def __getattr__(self, name: str) -> Any:
        today = NAMES.get(f"{self.__name__}:{name}", name)
        for module in map(import_module, MODULES[self.__name__]):
            if hasattr(module, today):
                return getattr(module, today)
        raise AttributeError(f"{self.__name__} of an earlier version has no {name!r} any more")


class _FormerModules(MetaPathFinder, Loader):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(fullname, self) if fullname in MODULES else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _FormerModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


@contextmanager
def former_modules() -> Iterator[None]:
    """Inside, a person's file of an earlier version finds the modules that it imports."""
    finder = _FormerModules()
    sys.meta_path.append(finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
