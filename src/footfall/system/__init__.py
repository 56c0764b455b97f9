"""What footfall asks of the operating system and of its own process. Each module is a front door of its own.

Files and locks (`files`), the data folder, clocks, processes, memory, bounded executors, limits on the log; and
`zstd`, one name for a library that is a part of newer Pythons.
"""
