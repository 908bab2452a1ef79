"""Django's pages over ASGI: each request runs in one of a few threads, and holds none while its sender or reader is slow.

``bodies`` takes in what is sent before a thread is asked for, ``pages`` runs Django, and ``answers`` says what it answered
once the thread is free again.
"""
