"""The learning rate as a function of finished updates: warm-up, then decay.

Two ways of putting them together. `joined`: the decay begins where the warm-up ends. Otherwise as
in google-research/albert, optimization.py: the decay runs from update 0, hidden under the warm-up,
so the rate drops when the warm-up ends (0.001759 -> 0.001716 in the paper's runs), and the first
update has rate 0.
"""

import dataclasses
import math

import jax
import jax.numpy as jnp
import optax

from albert_jax.errors import UserError

DECAYS = ("polynomial", "cosine", "constant")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ScheduleConfig:
    """The section `schedule`; the defaults are the paper's 125,000 updates of 4,096 sequences."""

    learning_rate: float = 0.00176  # the peak
    warmup_steps: int = 3125
    decay_steps: int = 125_000  # the update, counted from the first, at which the decay has ended
    decay: str = "polynomial"  # or "cosine", "constant"
    power: float = 1.0  # of the polynomial; 1 is a straight line
    end: float = 0.0  # the final rate as a share of the peak
    joined: bool = True  # False: the decay runs from update 0, under the warm-up

    def __post_init__(self):
        _require(self.learning_rate > 0, self, "learning_rate", "positive")
        _require(self.warmup_steps >= 0, self, "warmup_steps", "0 or more")
        _require(
            self.decay_steps > self.warmup_steps, self, "decay_steps", "more than warmup_steps"
        )
        _require(self.decay in DECAYS, self, "decay", f"one of {', '.join(DECAYS)}")
        _require(self.power > 0, self, "power", "positive")
        _require(0 <= self.end <= 1, self, "end", "in [0, 1]")

    def has_ended(self, step: int) -> bool:
        """Whether the rate is 0 after so many updates, and for good."""
        return self.decay != "constant" and self.end == 0 and step >= self.decay_steps


@dataclasses.dataclass(frozen=True, kw_only=True)
class TuningScheduleConfig:
    """The section `schedule` of fine-tuning, which knows its number of updates only with the data."""

    learning_rate: float = 3e-5  # the peak
    warmup_steps: int = 0  # 0: `warmup_share` of all updates
    warmup_share: float = 0.1
    decay: str = "polynomial"  # or "cosine", "constant"
    power: float = 1.0  # of the polynomial; 1 is a straight line
    end: float = 0.0  # the final rate as a share of the peak
    joined: bool = True  # False: the decay runs from update 0, under the warm-up

    def __post_init__(self):
        _require(0 <= self.warmup_share < 1, self, "warmup_share", "in [0, 1)")
        self.over(self.warmup_steps + 1)

    def over(self, steps: int) -> ScheduleConfig:
        """The schedule of a run of so many updates. Raises UserError: it would end before its warm-up."""
        if self.warmup_steps >= steps:
            raise UserError(
                f"schedule.warmup_steps is {self.warmup_steps}, and the run has {steps} updates; "
                "with --config.schedule.warmup_steps=0 it is the share schedule.warmup_share of them"
            )
        return ScheduleConfig(
            learning_rate=self.learning_rate,
            warmup_steps=self.warmup_steps or int(self.warmup_share * steps),
            decay_steps=steps,
            decay=self.decay,
            power=self.power,
            end=self.end,
            joined=self.joined,
        )


def schedule(config: ScheduleConfig) -> optax.Schedule:
    """From finished updates (an int or int32 []) to the rate of the next, float32 []."""
    shape = _joined if config.joined else _overlaid
    return lambda step: config.learning_rate * shape(config, jnp.asarray(step, jnp.float32))


def scaled_rate(rate: float, batch: int, reference_batch: int) -> float:
    """The peak rate for another batch size, by the square-root rule (You et al. 2020, LAMB)."""
    return rate * math.sqrt(batch / reference_batch)


def _joined(config: ScheduleConfig, step: jax.Array) -> jax.Array:
    """The smaller of a ramp that reaches 1 at `warmup_steps` and a decay that begins there."""
    ramp = (step + 1) / (config.warmup_steps + 1)
    decay_steps = config.decay_steps - config.warmup_steps
    return jnp.minimum(ramp, _decay(config, (step - config.warmup_steps) / decay_steps))


def _overlaid(config: ScheduleConfig, step: jax.Array) -> jax.Array:
    """The ramp while it lasts, then the decay as if it had run all along."""
    ramp = step / max(config.warmup_steps, 1)
    return jnp.where(step < config.warmup_steps, ramp, _decay(config, step / config.decay_steps))


def _decay(config: ScheduleConfig, progress: jax.Array) -> jax.Array:
    """Share of the peak at `progress`: 1 up to 0, `end` from 1 on."""
    progress = jnp.clip(progress, 0.0, 1.0)
    if config.decay == "constant":
        return jnp.ones_like(progress)
    if config.decay == "cosine":
        remaining = (1 + jnp.cos(jnp.pi * progress)) / 2
    else:
        remaining = (1 - progress) ** config.power
    return config.end + (1 - config.end) * remaining


def _require(holds: bool, config: ScheduleConfig | TuningScheduleConfig, name: str, remedy: str):
    if not holds:
        raise UserError(f"schedule.{name} is {getattr(config, name)!r}; it must be {remedy}")
