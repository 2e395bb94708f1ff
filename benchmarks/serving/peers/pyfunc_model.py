"""The pyfunc itself, which MLflow keeps as code beside the model's files."""

from pathlib import Path
from typing import Any

import mlflow
from mlflow.pyfunc import PythonModel, PythonModelContext


class Texts(PythonModel):  # type: ignore[misc]
    """Texts in, predictions out."""

    def load_context(self, context: PythonModelContext) -> None:
        """Open the model's files."""
        # MLflow keeps this module beside the model: there is none while the model is saved
        from autotokenizer import Classifier

        self.classifier = Classifier(Path(context.artifacts["model"]))

    def predict(self, context: PythonModelContext, model_input: Any, params: Any = None) -> list[dict[str, Any]]:
        """Classify texts."""
        return self.classifier.predict(list(model_input))


mlflow.models.set_model(Texts())
