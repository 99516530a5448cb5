//! Questions that many ask at the same moment, worked on together.
//!
//! What one costs (statements, their way to the database and back, a transaction that is synced to disk) costs hardly
//! more for a hundred. Whoever comes first works at once; those who come meanwhile wait, and the first of them then works
//! for all of them. So nobody waits for more than one other batch, and one that comes alone does not wait at all.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::oneshot;

/// Most that are taken together: the others do not wait long, and memory stays bounded.
const BATCH_MAX: usize = 256;

/// Questions `Q` that wait for an answer `A`; never more than callers. Cheap to clone.
#[derive(Debug)]
pub struct Together<Q, A>(Arc<Mutex<Queue<Q, A>>>);

impl<Q, A> Clone for Together<Q, A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

#[derive(Debug)]
struct Queue<Q, A> {
    /// Somebody works, and will look at `waiting` afterwards.
    led: bool,
    waiting: VecDeque<(Q, Waiter<Q, A>)>,
}

/// Who waits, from the other side.
type Waiter<Q, A> = oneshot::Sender<Said<Q, A>>;
/// Where one waits.
type Waiting<Q, A> = oneshot::Receiver<Said<Q, A>>;

/// What somebody who waits is told.
#[derive(Debug)]
enum Said<Q, A> {
    Answer(A),
    /// It is their turn to work; this is their own question.
    Lead(Lead<Q, A>, Q),
}

impl<Q, A> Default for Together<Q, A> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Queue { led: false, waiting: VecDeque::new() })))
    }
}

/// Passes on whose turn it is when dropped, also when who had it went away.
#[derive(Debug)]
struct Lead<Q, A>(Option<Together<Q, A>>);

impl<Q, A> Drop for Lead<Q, A> {
    fn drop(&mut self) {
        let Some(mut together) = self.0.take() else { return };
        loop {
            let next = {
                let mut queue = together.0.lock();
                let next = queue.waiting.pop_front();
                queue.led = next.is_some();
                next
            };
            let Some((question, to)) = next else { return };
            match to.send(Said::Lead(Lead(Some(together)), question)) {
                // They no longer wait: the next one, and not by the drop of what came back.
                Err(Said::Lead(mut back, _)) => match back.0.take() {
                    Some(again) => together = again,
                    None => return,
                },
                Ok(()) | Err(Said::Answer(_)) => return,
            }
        }
    }
}

impl<Q, A> Together<Q, A> {
    /// The answer to `question`. `work` is given it first, maybe with others, and answers all in their order; batches
    /// are worked on one after the other, and each was begun after its questions were asked. `None` when who worked
    /// for this question failed or went away: nobody knows what became of it.
    ///
    /// # Errors
    /// What this caller's own `work` failed with.
    pub async fn ask<W, F, E>(&self, question: Q, work: W) -> Result<Option<A>, E>
    where
        W: FnOnce(Vec<Q>) -> F,
        F: Future<Output = Result<Vec<A>, E>>,
    {
        let (lead, question) = match self.join(question) {
            Ok(led) => led,
            Err(waiting) => match waiting.await {
                Ok(Said::Lead(lead, question)) => (lead, question),
                Ok(Said::Answer(answer)) => return Ok(Some(answer)),
                Err(_) => return Ok(None),
            },
        };
        let (questions, others) = self.take(question);
        let mut answers = work(questions).await?.into_iter();
        let own = answers.next();
        for (answer, to) in answers.zip(others) {
            drop(to.send(Said::Answer(answer)));
        }
        drop(lead);
        Ok(own)
    }

    /// The lead, if nobody has it; else where to wait.
    fn join(&self, question: Q) -> Result<(Lead<Q, A>, Q), Waiting<Q, A>> {
        let mut queue = self.0.lock();
        if !queue.led {
            queue.led = true;
            return Ok((Lead(Some(self.clone())), question));
        }
        let (to, waiting) = oneshot::channel();
        queue.waiting.push_back((question, to));
        Err(waiting)
    }

    fn take(&self, own: Q) -> (Vec<Q>, Vec<Waiter<Q, A>>) {
        let mut queue = self.0.lock();
        let many = queue.waiting.len().min(BATCH_MAX - 1);
        let (mut questions, mut others) = (vec![own], Vec::with_capacity(many));
        for (question, to) in queue.waiting.drain(..many) {
            // Whoever went away needs no answer; what they asked may be left out.
            if !to.is_closed() {
                questions.push(question);
                others.push(to);
            }
        }
        (questions, others)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Semaphore;
    use tokio::task::JoinHandle;

    use super::*;

    type Numbers = Together<usize, usize>;

    /// Asks for twice `number`, as soon as the gate lets it through.
    fn ask(
        together: &Numbers,
        number: usize,
        gate: &Arc<Semaphore>,
        batches: &Arc<AtomicUsize>,
    ) -> JoinHandle<Result<Option<usize>, &'static str>> {
        let (together, gate, batches) = (together.clone(), Arc::clone(gate), Arc::clone(batches));
        tokio::spawn(async move {
            let work = async |questions: Vec<usize>| {
                gate.acquire().await.expect("never closed").forget();
                batches.fetch_add(1, Ordering::Relaxed);
                if questions.contains(&5) {
                    return Err("five");
                }
                assert!(!questions.contains(&7), "seven is bad luck");
                Ok(questions.iter().map(|question| question * 2).collect())
            };
            together.ask(number, work).await
        })
    }

    async fn until_waiting(together: &Numbers, many: usize) {
        while together.0.lock().waiting.len() < many {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn everybody_is_answered_once_and_those_who_wait_are_taken_together() {
        let (together, gate, batches) = (Numbers::default(), Arc::new(Semaphore::new(0)), Arc::default());
        let asked: Vec<_> =
            (0..3 * BATCH_MAX).map(|number| ask(&together, 10 + number, &gate, &batches)).collect();
        until_waiting(&together, asked.len() - 1).await;
        gate.add_permits(asked.len());
        for (number, asked) in asked.into_iter().enumerate() {
            assert_eq!(asked.await.unwrap(), Ok(Some(20 + number * 2)));
        }
        assert_eq!(batches.load(Ordering::Relaxed), 4);
        // Nobody is left to lead, so the next one works at once.
        assert_eq!(together.ask(1, async |q: Vec<usize>| Ok::<_, Infallible>(q)).await, Ok(Some(1)));
    }

    #[tokio::test]
    async fn who_goes_away_fails_or_panics_does_not_stop_the_others() {
        let (together, gate, batches) = (Numbers::default(), Arc::new(Semaphore::new(0)), Arc::default());
        let ask = |number| ask(&together, number, &gate, &batches);
        let (leads, next) = (ask(1), ask(2));
        until_waiting(&together, 1).await;
        let (leaves, last) = (ask(3), ask(4));
        until_waiting(&together, 3).await;
        // The one who works goes away, and so does one who waits.
        leaves.abort();
        leads.abort();
        gate.add_permits(1);
        assert_eq!((next.await.unwrap(), last.await.unwrap()), (Ok(Some(4)), Ok(Some(8))));

        for (wrong, told) in [(5, Ok(Err("five"))), (7, Err(()))] {
            let first = ask(wrong);
            while !together.0.lock().led {
                tokio::task::yield_now().await;
            }
            let second = ask(2);
            until_waiting(&together, 1).await;
            gate.add_permits(2);
            assert_eq!(first.await.map_err(|_| ()), told);
            assert_eq!(second.await.unwrap(), Ok(Some(4)));
        }
    }

    #[tokio::test]
    async fn who_was_worked_for_in_vain_is_told() {
        let (together, gate, batches) = (Numbers::default(), Arc::new(Semaphore::new(0)), Arc::default());
        let ask = |number| ask(&together, number, &gate, &batches);
        let first = ask(1);
        while !together.0.lock().led {
            tokio::task::yield_now().await;
        }
        // Two and five wait, so two works for five too.
        let second = ask(2);
        until_waiting(&together, 1).await;
        let third = ask(5);
        until_waiting(&together, 2).await;
        gate.add_permits(2);
        assert_eq!(first.await.unwrap(), Ok(Some(2)));
        assert_eq!(second.await.unwrap(), Err("five"));
        assert_eq!(third.await.unwrap(), Ok(None));
    }
}
