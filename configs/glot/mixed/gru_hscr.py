"""mmhuman3d's GRU with HSCR, which corrects the prediction of gru_hmr.py as it does that of GLoT's global branch."""

_base_ = ['gru_hmr.py']

model = dict(head=dict(correction=dict(type='HSCR', in_dim=2048)))
