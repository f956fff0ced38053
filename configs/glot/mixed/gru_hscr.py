"""mmhuman3d's GRU with our HSCR: gru_hmr.py, whose prediction HSCR corrects as it does GLoT's global branch."""

_base_ = ['gru_hmr.py']

model = dict(head=dict(correction=dict(type='HSCR', in_dim=2048)))
