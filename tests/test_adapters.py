"""What is asked of parts that nobody has adapted."""

import pytest
from torch import nn

from glot_plugin.adapters import as_body_model, as_loss_term
from glot_plugin.errors import InputError
from glot_plugin.losses import GLoTLoss, KeypointLoss2d, SmplPoseLoss


class TwoArguments(nn.Module):
    def forward(self, pred, target):
        return pred - target


def test_our_own_parts_stay_themselves(body):
    loss = KeypointLoss2d()
    assert as_body_model(body) is body
    assert as_loss_term(loss, 'keypoints2d') is loss
    assert isinstance(GLoTLoss({'smpl_pose': {'type': 'SmplPoseLoss'}}).terms['smpl_pose'], SmplPoseLoss)


def test_a_body_model_without_joints_is_refused():
    with pytest.raises(InputError, match=r'body_model: Linear has no method joints nor vertices; expected an SMPLBody'):
        as_body_model(nn.Linear(1, 1))


@pytest.mark.parametrize(('term', 'weights'), [('velocity2d', 'confidence, mask'), ('smpl_pose', 'mask, clip_weight')])
def test_a_loss_that_takes_no_weights_is_refused(term, weights):
    with pytest.raises(InputError, match=rf'terms\.{term}: TwoArguments.*takes \(pred, target, {weights}\)'):
        as_loss_term(TwoArguments(), term)
