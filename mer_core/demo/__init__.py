"""The web demo: `pages` are built from `sections`, `components` and pure renderers in `panels`.

`build.build_demo` puts it together; `engine` holds the model, `session` the visitors' clips, and
`services` the rest. Nothing here imports torch. This file imports nothing, so that the command
line can check its arguments before gradio, which takes seconds, is imported.
"""
