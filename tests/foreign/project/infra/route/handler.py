"""Routes parcels: another handler.py, a class, with a dependency that lies beside it."""

import os

from slugs import slug

weighings = "a global of the same name as the other handler's"


class Router(dict):
    def __init__(self, event, context):
        assert weighings.startswith("a global")
        assert "UNIT" not in os.environ
        routes = [{"id": each["id"], "slug": slug(f"{os.environ['DEPOT']} {each['id']}")} for each in event["parcels"]]
        super().__init__(routes=routes, depot=os.environ["DEPOT"])
