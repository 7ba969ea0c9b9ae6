def plain(text):
    return text.replace("ü", "ue")
