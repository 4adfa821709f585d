/// Something that is due at a moment of the world's time. Plain words, so that a million of them a
/// second cost no allocation; what the words mean depends on the kind.
struct Occurrence {
    enum Kind: UInt8 {
        /// A camera sends. `a` camera, `b` its schedule's generation.
        case cameraSends
        /// A frame's timer. `a` shard, `b` and `c` frame, `d` the shard's incarnation.
        case timer
        /// An inference is through. `a` host, `b` the worker, `d` the engine's epoch.
        case inferenceEnds
        /// A task that infers nothing has its answer. `a` shard, `b` and `c` frame.
        case identityEnds
        /// An inference cannot be had. `a` shard, `b` and `c` frame, `d` why.
        case inferenceFails
        /// A call reaches its peer. `a` and `b` call.
        case callArrives
        /// An answer or a refusal reaches the caller. `a` and `b` call.
        case callReturns
        /// The time that a call was given is over. `a` and `b` call.
        case callExpires
        /// A peer hears that a call is given up. `a` shard, `b` and `c` frame, `d` incarnation.
        case cancelArrives
        /// A shard feels that time passes. `a` shard, `b` the incarnation.
        case tick
        /// A probe reaches its peer, comes back well or not, or its time is over. `a` shard, `b`
        /// peer, `c` its number, `d` the incarnation.
        case probeArrives, probeReturns, probeFails, probeExpires
        /// A shard hears another one of its node. `a` shard, `b` place of the letter, `d`
        /// incarnation.
        case letterArrives
        /// A model can answer. `a` host, `b` the engine's epoch.
        case modelLoaded
        /// A host starts. `a` host, `b` its number of starts so far.
        case hostStarts
        /// A host that drains has no more time. `a` host, `b` its number of starts so far.
        case drainEnds
        /// A happening begins, ends, or goes on. `a` its index, `b` the phase.
        case happens
        /// A spool has a frame on its disk. `a` shard, `b` and `c` frame, `d` the incarnation.
        case spoolCommits
        /// A spool sends what it holds. `a` host, `b` number of starts.
        case spoolSends
        /// A batch reaches the hub. `a` host, `b` its first and `c` its last sequence.
        case batchArrives
        /// The hub's word about it reaches the node. `a` host, `b` the watermark.
        case batchReturns
        /// A spool on a disk makes durable what was appended. `a` host, `d` the number of starts.
        case deskCommits
        /// It writes down what is no frame; likewise.
        case deskNotes
        /// Its uploads take their next step. `a` host, `b` the timer, `d` the number of starts.
        case deskSteps
        /// A piece of an upload leaves; all of it is at the hub; the hub's word is back; its time
        /// is over. `a` host, `b` the call's number.
        case uploadGoes, uploadArrives, uploadReturns, uploadExpires
        /// The hub is through with an owed frame. `a` host, `b` the call's number, `c` the frame's,
        /// `d` what came of it.
        case owedEnds
        /// The world's own look around.
        case look
    }

    /// Nanoseconds of the world's time.
    var at: UInt64
    /// Breaks ties: the order of scheduling.
    var order: UInt64
    var a: UInt32
    var b: UInt32
    var c: UInt32
    var d: UInt32
    var kind: Kind

    @inline(__always)
    static func < (x: Occurrence, y: Occurrence) -> Bool {
        x.at != y.at ? x.at < y.at : x.order < y.order
    }
}
