// Weighted QMIX (Rashid et al. 2020; docs/algorithms/wqmix.md): the unrestricted value
//   Q*(s, u) = net([s, c_1(u_1), ..., c_n(u_n)]) + V(s)        c: values of a second agent network
// gives the targets of both losses. Which errors of Q_tot count in full: q_learning.cpp.
#include "learners/reference/mixers.hpp"

namespace credo::reference {

Var central_value(const Weights& w, const Var& state, const Var& q) {
  return w.mlp("central_mixer.net", join(state, q)) + w.mlp("central_mixer.V", state);
}

}  // namespace credo::reference
