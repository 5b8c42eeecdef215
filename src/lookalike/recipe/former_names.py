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
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from importlib.abc import Loader

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

_MOVED = """
adversarial   recipes.tiny
aided         parts.losses.wrappers parts.networks.base
alike         parts.losses.consistency
augmentation  parts.training.diffaugment
autoencoders  parts.networks.autoencoders recipes.info_began parts.networks.blocks
average       parts.training.ema
began         parts.losses.began recipes.info_began
blocks        parts.networks.blocks recipes.sngan
boosted       recipes.dcgan_boosted
choosing      parts.latents.candidates
classic       parts.networks.dcgan parts.networks.blocks
classifying   parts.losses.class_losses
codes         parts.latents.codes
decoded       recipes.degan
excitation    parts.networks.fastgan recipes.fastgan
fast          recipes.swift.networks parts.networks.blocks
features      parts.networks.frozen_features efficientnet
feedback      parts.training.adaptive recipes.dcgan_boosted
flow          parts.latents.flow
frozenjudge   recipes.projected
game          parts.losses.game
information   recipes.infogan.objective
labels        parts.losses.adversarial
modern        recipes.relativistic
neighbors     parts.latents.flow
objectives    parts.losses.base parts.losses.game parts.losses.adversarial
optimizers    parts.training.optimizers
orthogonal    parts.training.muon
penalties     parts.losses.penalties
perceptrons   parts.networks.mlp
priors        parts.latents.priors
projected     parts.networks.projected recipes.swift.networks
regularizers  recipes.stylegan2.objective parts.training.adaptive
relativistic  recipes.relativistic
resemblance   recipes.swift.objective parts.losses.features
resnets       recipes.sngan
rules         parts.losses.adversarial
schedules     parts.training.schedules
ssim          parts.losses.ssim
stacked       recipes.stackgan
strided       parts.networks.strided
style         recipes.stylegan2.networks
styled        recipes.stylegan2.objective
tricks        recipe.tricks
trunks        recipes.infogan.networks parts.networks.blocks
turns         parts.training.triggers
twoplayer     parts.losses.two_player
warm          parts.training.warm_start
warp          parts.training.warp
wasserstein   recipes.wgan_logos
"""
MODULES: dict[str, tuple[str, ...]] = {
    f"lookalike.parts.{former}": tuple(f"lookalike.{module}" for module in today)
    for former, *today in map(str.split, _MOVED.strip().splitlines())
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


class _FormerModules:
    """A finder and loader in one; their base classes would load half of importlib."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(fullname, cast("Loader", self)) if fullname in MODULES else None

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
