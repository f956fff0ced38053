"""VIBE with HSCR instead of HMR's head: one line."""

_base_ = ['vibe.py']

model = dict(head=dict(type='glot.HSCRHead'))
