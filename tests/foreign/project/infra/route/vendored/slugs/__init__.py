from .letters import plain


def slug(text):
    return "-".join(plain(text).lower().split())
