//! What comes for runs.

use domain::{RunId, Timestamp};

use crate::engine::{Connection, Fault};
use crate::runs::RunInput;
use crate::set::Kind::{Id, Int, Text};
use crate::set::{Rows, Set};

pub(super) static INSERT_INPUTS: Set = Set::new(
    &[("run_id", Id), ("id", Id), ("input", Text)],
    "INSERT INTO run_inbox (run_id, id, input) SELECT i.run_id, i.id, i.input FROM input i
     WHERE EXISTS (SELECT 1 FROM run_claims c WHERE c.run_id = i.run_id) ON CONFLICT DO NOTHING",
);

/// First, and held until the end of the transaction: a run that ends meanwhile has ended before, and nothing comes for it any more.
pub(super) static POKE: Set = Set::new(
    &[("run_id", Id), ("now_at", Int)],
    "UPDATE run_claims AS c SET pokes = c.pokes + 1,
        due_at = CASE WHEN c.claim IS NULL AND c.due_at > i.now_at THEN i.now_at ELSE c.due_at END
     FROM input i WHERE c.run_id = i.run_id",
);

/// Has a run looked at by whoever carries it, for something that stands elsewhere.
pub(in crate::write) async fn poke(connection: &mut Connection, run: RunId, at: Timestamp) -> Result<(), Fault> {
    POKE.execute(connection, Rows::one(&[run.into(), at.into()])).await.map(drop)
}

/// Has something come for runs. Answers for how many: those that are over are not among them.
pub(in crate::write) async fn tell(connection: &mut Connection, inputs: &[RunInput]) -> Result<u64, Fault> {
    let mut there = 0;
    for input in inputs {
        // One by one: two of them may be for the same run.
        let poked = POKE.execute(connection, Rows::one(&[input.run_id.into(), input.at.into()])).await?;
        if poked > 0 {
            let row = [input.run_id.into(), input.id.into(), input.input.as_str().into()];
            INSERT_INPUTS.execute(connection, Rows::one(&row)).await?;
        }
        there += poked;
    }
    Ok(there)
}
