"""The languages that the playground speaks besides English: a gettext catalogue for each, `LANGUAGE/messages.po`.

python -m playground.languages update     texts that are new or gone go into and out of the catalogues
python -m playground.languages check      names what is missing, unsure, or has other values than the English text
"""
