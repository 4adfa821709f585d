/// The tables that a PostgreSQL server gets. `canopy_schema` says which of `steps` it has.
enum PostgresSchema {
    /// What keeps two nodes from migrating at once: a lock of this number, for the transaction.
    static let lock = 0x436E_7079

    /// Each step once released stays as it is; a change is a step more.
    static let steps = [first]

    // Times are nanoseconds since 1970, as in every other store; the view has them as timestamps.
    private static let first = """
        CREATE TABLE canopy_records (
            site text NOT NULL, sender text NOT NULL, epoch numeric(20) NOT NULL,
            queue text NOT NULL, record bigint NOT NULL, id text NOT NULL, clock bigint NOT NULL,
            received_ns bigint NOT NULL, taken_ns bigint NOT NULL, answered_ns bigint NOT NULL,
            task text NOT NULL, stream text, sequence numeric(20), tier_rank smallint NOT NULL,
            tier text, node text NOT NULL, bundle text, label text NOT NULL,
            confidence double precision, accepted boolean NOT NULL, degraded text NOT NULL,
            approved boolean NOT NULL, latency_us bigint NOT NULL, trace text NOT NULL,
            request text NOT NULL, keeper text NOT NULL,
            PRIMARY KEY (site, sender, epoch, queue, record));
        CREATE INDEX canopy_records_id ON canopy_records (id);
        CREATE INDEX canopy_records_taken ON canopy_records (taken_ns);
        CREATE INDEX canopy_records_task ON canopy_records (task, label, taken_ns);
        CREATE TABLE canopy_truths (
            id text PRIMARY KEY, label text NOT NULL, labelled_ns bigint NOT NULL,
            who text NOT NULL);
        CREATE TABLE canopy_gaps (
            site text NOT NULL, sender text NOT NULL, epoch numeric(20) NOT NULL,
            queue text NOT NULL, first bigint NOT NULL, last bigint NOT NULL,
            reason text NOT NULL, received_ns bigint NOT NULL,
            PRIMARY KEY (site, sender, epoch, queue, first));
        CREATE TABLE canopy_notes (
            site text NOT NULL, sender text NOT NULL, epoch numeric(20) NOT NULL,
            queue text NOT NULL, record bigint NOT NULL, at_ns bigint NOT NULL,
            clock bigint NOT NULL, received_ns bigint NOT NULL, body bytea NOT NULL,
            PRIMARY KEY (site, sender, epoch, queue, record));
        CREATE VIEW canopy_frames AS
            SELECT DISTINCT ON (r.id) r.*, to_timestamp(r.taken_ns / 1e9) AS taken_at,
                t.label AS truth
            FROM canopy_records r LEFT JOIN canopy_truths t USING (id)
            ORDER BY r.id, r.approved DESC, r.tier_rank DESC, r.clock DESC,
                r.node COLLATE "C" DESC, r.sender COLLATE "C" DESC, r.queue COLLATE "C" DESC,
                r.epoch DESC, r.record DESC;
        """
}
