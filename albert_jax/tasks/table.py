"""All tasks by name: the family's config section and the family."""

from albert_jax.errors import UserError
from albert_jax.tasks import (
    centroid,
    choice,
    glue,
    race,
    similarity,
    squad,
    summary,
    superglue,
    tagging,
    text,
)

FAMILIES: dict[str, tuple[type, type]] = {
    **dict.fromkeys(glue.TASKS, (glue.GlueConfig, glue.Glue)),
    **dict.fromkeys(superglue.TASKS, (superglue.SuperGlueConfig, superglue.SuperGlue)),
    **dict.fromkeys(text.TASKS, (text.TextConfig, text.Text)),
    **dict.fromkeys(squad.VERSIONS, (squad.SquadConfig, squad.Squad)),
    "race": (race.RaceConfig, race.Race),
    "choice": (choice.ChoiceConfig, choice.Choice),
    **dict.fromkeys(tagging.TYPES, (tagging.TaggingConfig, tagging.Tagging)),
    **dict.fromkeys(similarity.TASKS, (similarity.SimilarityConfig, similarity.Similarity)),
    "summary": (summary.SummaryConfig, summary.Summary),
    "centroid": (summary.SummaryConfig, centroid.Centroid),
}


def family(name: str) -> tuple[type, type]:
    """(config section, class) of a task.

    Raises:
      UserError: there is no such task.
    """
    if name not in FAMILIES:
        raise UserError(f"task {name!r} is unknown; choose one of {', '.join(FAMILIES)}")
    return FAMILIES[name]
