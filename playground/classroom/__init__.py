"""A class on one link: the teacher opens it, students join by the link, and what they answer comes to the teacher's page.

`requests` says what may be sent, `store` keeps it in SQLite, `rooms` decides who may do what, `web` answers over HTTP in front
of either front end, `export` writes it down, and `worksheet` prints a lesson's questions.
"""
