import FuzzSupport
import Ground
import HTTP

/// Answers as the steering says, and checks that calls are told of in the order that is promised.
final class TrivialService: Service {
    private let answer: Steering.Answer
    /// Calls that are answered when all input was fed.
    private var late: [Handler] = []

    init(_ answer: Steering.Answer) { self.answer = answer }

    func begin(_ call: ServerCall) -> any CallHandler {
        demand(call.isOpen, "a call that begins is open")
        let handler = Handler(call, answer)
        if answer == .late { late.append(handler) }
        if answer == .early { handler.reply() }
        return handler
    }

    func answerLate() {
        let handlers = late
        late = []
        for handler in handlers { handler.reply() }
    }

    private final class Handler: CallHandler {
        private let call: ServerCall
        private let answer: Steering.Answer
        private var messages: [Bytes] = []
        private var isHalfClosed = false
        private var isCancelled = false

        init(_ call: ServerCall, _ answer: Steering.Answer) {
            self.call = call
            self.answer = answer
        }

        func message(_ bytes: Bytes) {
            checkOpen()
            demand(call.isGRPC || messages.isEmpty, "a REST request has one body")
            messages.append(bytes)
            if answer == .fault {
                call.finish(Fault(.exhausted, "no", retry: .after(.milliseconds(7))))
            }
        }

        func halfClosed() {
            checkOpen()
            demand(call.isGRPC || messages.count == 1, "a REST body comes before the end")
            isHalfClosed = true
            if answer == .echo { reply() }
        }

        func cancelled(_ fault: Fault) {
            demand(!isCancelled, "a call is cancelled once")
            isCancelled = true
        }

        private func checkOpen() {
            demand(!isHalfClosed, "nothing comes after a call's half-close")
            demand(!isCancelled, "nothing comes after a call's cancellation")
            demand(call.isOpen, "an answered call hears nothing more")
        }

        /// Sends back what came, and names of the request that may be dangerous in an answer.
        func reply() {
            if call.isGRPC {
                for message in messages { call.send(message: [message]) }
                call.finish()
            } else {
                let trace = call.header("x-trace") ?? call.query ?? call.path
                call.respond(status: 200, headers: [("x-trace", trace)], body: messages)
            }
            messages = []
        }
    }
}
