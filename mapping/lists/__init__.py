"""The list of models as clients get it, in the shape of the API that they speak."""
