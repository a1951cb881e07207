//! Claims about record storage; miri runs them.

use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;

use super::Body;

#[derive(Clone, Debug, PartialEq)]
struct Small(u64);
#[derive(Clone, Debug)]
struct Large([u64; 20], #[expect(dead_code, reason = "counts the drops")] Arc<()>);
#[derive(Debug)]
#[repr(align(64))]
struct Aligned(#[expect(dead_code, reason = "counts the drops")] Arc<()>);
#[derive(Clone, Debug)]
struct Nothing;
#[derive(Clone, Debug)]
#[repr(align(32))]
struct AlignedNothing;
#[derive(Clone, Debug)]
struct Explosive(
    #[expect(dead_code, reason = "counts the drops")] Arc<()>,
    #[expect(dead_code, reason = "makes it large")] [u64; 8],
);

impl Drop for Explosive {
    fn drop(&mut self) {
        panic!("this record explodes");
    }
}

crate::record!(Small, "body.small");
crate::record!(Large, "body.large");
crate::record!(Aligned, "body.aligned", no_clone);
crate::record!(Nothing, "body.nothing");
crate::record!(AlignedNothing, "body.aligned-nothing");
crate::record!(Explosive, "body.explosive");

fn large(count: &Arc<()>) -> Large {
    Large([7; 20], count.clone())
}

#[test]
fn a_record_comes_out_as_it_went_in() {
    let mut body = Body::new(Small(7));
    assert_eq!(body.get::<Small>(), Some(&Small(7)));
    assert!(body.get::<Large>().is_none(), "expected a record of another type to stay hidden");
    body.get_mut::<Small>().expect("a small record").0 = 8;
    assert_eq!(body.take::<Small>(), Some(Small(8)));
    assert!(body.get::<()>().is_some(), "expected an emptied body to hold `()`");
}

#[test]
fn every_way_of_storing_drops_the_record_once() {
    let count = Arc::new(());
    drop(Body::new(large(&count)));
    drop(Body::new(Aligned(count.clone())));
    let mut room = MaybeUninit::uninit();
    drop(Body::lend(&mut room, large(&count)));
    let mut room = MaybeUninit::uninit();
    drop(Body::lend(&mut room, large(&count)).into_owned());
    let mut taken = Body::new(large(&count));
    drop(taken.take::<Large>());
    drop(taken);
    let mut moved = Body::new(Aligned(count.clone()));
    drop(moved.take_all());
    drop(moved);
    assert_eq!(Arc::strong_count(&count), 1, "expected every record to be dropped exactly once");
}

#[test]
fn a_clone_is_a_record_of_its_own() {
    let count = Arc::new(());
    let body = Body::new(large(&count));
    let copy = body.try_clone().expect("a large record clones");
    assert_eq!(Arc::strong_count(&count), 3);
    drop(body);
    assert_eq!(copy.get::<Large>().map(|large| large.0[19]), Some(7));
    assert!(Body::new(Aligned(count)).try_clone().is_none(), "expected `no_clone` to hold");
}

#[test]
fn records_without_size_need_no_memory() {
    let mut nothing = Body::new(Nothing);
    assert!(nothing.take::<Nothing>().is_some());
    let aligned = Body::new(AlignedNothing);
    assert_eq!(format!("{aligned:?}"), "AlignedNothing");
    let owned = aligned.into_owned();
    assert!(owned.get::<AlignedNothing>().is_some());
}

#[test]
fn a_record_that_panics_in_drop_frees_its_memory() {
    let count = Arc::new(());
    let body = Body::new(Explosive(count.clone(), [0; 8]));
    let blast = catch_unwind(AssertUnwindSafe(|| drop(body)));
    assert!(blast.is_err(), "expected the panic to reach the caller");
    assert_eq!(Arc::strong_count(&count), 1, "expected the record's fields to be dropped");
}

#[test]
fn bodies_that_are_dropped_together_may_all_panic() {
    let count = Arc::new(());
    let bodies: Vec<_> = (0..3).map(|_| Body::new(Explosive(count.clone(), [0; 8]))).collect();
    let blast = catch_unwind(AssertUnwindSafe(|| drop(bodies)));
    assert!(blast.is_err(), "expected the first panic to reach the caller");
    assert_eq!(Arc::strong_count(&count), 1, "expected all records to be dropped");
}

#[test]
fn a_body_crosses_threads_with_its_record() {
    let body = Body::new(large(&Arc::new(())));
    let thread = std::thread::spawn(move || body.get::<Large>().map(|large| large.0[0]));
    assert_eq!(thread.join().expect("the thread ran"), Some(7));
    drop(Rc::new(()));
}
