//! Requests that many machines make at the same moment, worked on together.
//!
//! After a change that concerns a whole fleet, or a restart of the server, ten thousand machines ask within seconds.
//! What one costs (some statements, and a transaction that is synced to disk) costs hardly more for a hundred, so those
//! that wait are taken together. One that comes alone is worked on at once.

use std::collections::VecDeque;
use std::sync::Arc;

use bartizan_api::ApiError;
use bartizan_base::ErrorKind;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::http::Failure;

/// Most that are taken together: the others do not wait long, and memory stays bounded.
const BATCH_MAX: usize = 256;

type To<A> = oneshot::Sender<Result<A, Failure>>;

/// Questions `Q` that wait for an answer `A`. Never more than there are requests, whose number the listener bounds.
#[derive(Debug)]
pub(crate) struct Together<Q, A>(Arc<Waiting<Q, A>>);

#[derive(Debug)]
struct Waiting<Q, A> {
    questions: Mutex<VecDeque<(Q, To<A>)>>,
    /// Held by whoever works: one batch after the other, so that the next one grows meanwhile.
    turn: tokio::sync::Mutex<()>,
}

impl<Q, A> Default for Together<Q, A> {
    fn default() -> Self {
        let turn = tokio::sync::Mutex::default();
        Self(Arc::new(Waiting { questions: Mutex::default(), turn }))
    }
}

impl<Q: Send + 'static, A: Send + 'static> Together<Q, A> {
    /// The answer to `question`. `work` is given it, maybe with others, and answers all in their order; batches are
    /// worked on one after the other, so that no two see the same thing half done.
    ///
    /// # Errors
    /// What `work` failed with. A failure of a batch is a failure of every question in it.
    pub(crate) async fn ask<W, F>(&self, question: Q, work: W) -> Result<A, Failure>
    where
        W: FnOnce(Vec<Q>) -> F + Send + 'static,
        F: Future<Output = Result<Vec<A>, Failure>> + Send,
    {
        let (answer, answered) = oneshot::channel();
        self.0.questions.lock().push_back((question, answer));
        let waiting = Arc::clone(&self.0);
        // In a task of its own: who asked first may go away while others wait for the same work. There is a task for
        // each question and each takes at least one, so none is left.
        tokio::spawn(async move {
            let _turn = waiting.turn.lock().await;
            let (questions, answers) = waiting.take();
            if questions.is_empty() {
                return;
            }
            match work(questions).await {
                Ok(made) => made.into_iter().zip(answers).for_each(|(made, to)| drop(to.send(Ok(made)))),
                Err(failure) => answers.into_iter().for_each(|to| drop(to.send(Err(failure.clone())))),
            }
        });
        answered.await.unwrap_or_else(|_| {
            // The work panicked, or answered too few.
            Err(ApiError::new(ErrorKind::Internal, "The server failed to do this. Its log says why.").into())
        })
    }
}

impl<Q, A> Waiting<Q, A> {
    fn take(&self) -> (Vec<Q>, Vec<To<A>>) {
        let mut questions = self.questions.lock();
        let many = questions.len().min(BATCH_MAX);
        questions.drain(..many).unzip()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn everybody_is_answered_once_and_those_who_wait_are_taken_together() {
        let together: Arc<Together<usize, usize>> = Arc::default();
        let (gate, batches) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
        let asked: Vec<_> = (0..3 * BATCH_MAX)
            .map(|number| {
                let (together, gate, batches) =
                    (Arc::clone(&together), Arc::clone(&gate), Arc::clone(&batches));
                tokio::spawn(async move {
                    let work = async move |questions: Vec<usize>| {
                        batches.fetch_add(1, Ordering::Relaxed);
                        gate.acquire().await.expect("never closed").forget();
                        Ok(questions.iter().map(|question| question * 2).collect())
                    };
                    together.ask(number, work).await
                })
            })
            .collect();
        // Everybody waits before the first batch goes on.
        while together.0.questions.lock().len() + BATCH_MAX < asked.len() {
            tokio::task::yield_now().await;
        }
        gate.add_permits(asked.len());
        for (number, asked) in asked.into_iter().enumerate() {
            assert_eq!(asked.await.unwrap().unwrap(), number * 2);
        }
        assert!(batches.load(Ordering::Relaxed) <= 4, "{batches:?}");
    }

    #[tokio::test]
    async fn who_goes_away_or_fails_does_not_take_others_along() {
        let together: Arc<Together<usize, usize>> = Arc::default();
        let gate = Arc::new(Semaphore::new(0));
        let ask = |number: usize| {
            let (together, gate) = (Arc::clone(&together), Arc::clone(&gate));
            tokio::spawn(async move {
                let work = async move |questions: Vec<usize>| {
                    gate.acquire().await.expect("never closed").forget();
                    assert!(!questions.contains(&7), "seven is bad luck");
                    match questions.contains(&5) {
                        true => Err(ApiError::new(ErrorKind::Unavailable, "five").into()),
                        false => Ok(questions),
                    }
                };
                together.ask(number, work).await
            })
        };
        for (wrong, message) in [(5, "five"), (7, "The server failed")] {
            gate.forget_permits(Semaphore::MAX_PERMITS);
            let (first, second) = (ask(1), ask(2));
            while Arc::strong_count(&together.0) < 3 {
                tokio::task::yield_now().await;
            }
            first.abort();
            gate.add_permits(2);
            assert_eq!(second.await.unwrap().unwrap(), 2);
            let bad = ask(wrong);
            gate.add_permits(1);
            assert!(bad.await.unwrap().unwrap_err().0.message.contains(message));
        }
        let last = ask(3);
        gate.add_permits(1);
        assert_eq!(last.await.unwrap().unwrap(), 3);
    }
}
