//! The panic hook belongs to the whole process, so its test has a process of its own.

use std::panic::catch_unwind;

use agoge_supervisor::{Supervisor, contained, install_panic_hook};

#[test]
fn a_panic_that_is_contained_and_caught_does_not_stop_the_process_and_others_do() {
    let supervisor = Supervisor::new();
    let stopped = supervisor.spawner().token();
    install_panic_hook(&supervisor.spawner());

    assert_eq!(contained(|| 7), 7);
    assert!(contained(|| catch_unwind(|| panic!("damaged bytes"))).is_err());
    assert!(!stopped.is_cancelled());
    contained(|| {
        contained(|| ());
        assert!(catch_unwind(|| panic!("after an inner one")).is_err());
    });
    assert!(
        catch_unwind(|| contained(|| panic!("unwinds through it"))).is_err(),
        "the flag is set back on the way"
    );
    assert!(!stopped.is_cancelled());

    assert!(catch_unwind(|| panic!("outside")).is_err());
    assert!(stopped.is_cancelled());
}
