//! Runs the models. They are not tests of their crate because the source files that it includes
//! have unit tests of their own.

#[test]
fn no_command_and_no_waking_is_missed() {
    offloop_loom::no_command_and_no_waking_is_missed();
}

#[test]
fn a_stop_reaches_a_shard_that_falls_asleep() {
    offloop_loom::a_stop_reaches_a_shard_that_falls_asleep();
}

#[test]
fn settling_waits_for_the_commands_and_no_longer() {
    offloop_loom::settling_waits_for_the_commands_and_no_longer();
}

#[test]
fn who_takes_a_sleeping_shard_wakes_it_for_what_is_left() {
    offloop_loom::who_takes_a_sleeping_shard_wakes_it_for_what_is_left();
}

#[test]
fn no_event_is_missed() {
    offloop_loom::no_event_is_missed();
}

#[test]
fn a_starving_shard_hears_of_every_delivery() {
    offloop_loom::a_starving_shard_hears_of_every_delivery();
}

#[test]
fn only_one_leads() {
    offloop_loom::only_one_leads();
}
