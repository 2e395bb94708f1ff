"""FastAPI behind Mangum, AutoTokenizer, onnxruntime."""

from typing import Any

from autotokenizer import classifier
from fastapi import FastAPI
from mangum import Mangum
from pydantic import BaseModel

model = classifier()
app = FastAPI()


class Question(BaseModel):
    """The body of a request."""

    texts: list[str]


class Prediction(BaseModel):
    """The answer to one text."""

    label: str
    score: float


class Answer(BaseModel):
    """The body of an answer."""

    predictions: list[Prediction]


@app.post("/predict")
def predict(question: Question) -> Answer:
    """Classify texts."""
    return Answer(predictions=[Prediction(**each) for each in model.predict(question.texts)])


http = Mangum(app, lifespan="off")


def handler(event: Any, context: Any) -> Any:
    """The answer to an event of HTTP."""
    return http(event, context)
