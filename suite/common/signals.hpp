// Stop requests. SIGINT, SIGTERM, SIGUSR1 and SIGHUP (the terminal has gone) ask every run of the
// process to save a checkpoint at the next boundary; a second SIGINT ends the process at once.
// Under nohup SIGHUP stays ignored.
#pragma once

namespace credo::suite {

/// Exit code of a run that was stopped with a checkpoint saved ("call again", EX_TEMPFAIL).
inline constexpr int kExitStopped = 75;

void install_stop_handlers();
bool stop_requested();
/// Forgets a request, for processes that go on after a run.
void clear_stop_request();
/// The signal's name, for messages.
const char* stop_signal_name();

}  // namespace credo::suite
