/// Where a node finds the certificates that it shows and believes.
public struct Trust: Sendable {
    /// PEM file of the authority whose certificates are believed. Default `ca.pem` in the folder of
    /// certificates, where `canopy cert init` puts it.
    public let authority: String
    /// Folder that holds `NAME.pem` and `NAME.key` of each node. Default `certificates` beside
    /// the topology file, so that a copied folder works at once.
    public let certificates: String
    /// Where the file says so.
    public let place: Place

    init(_ fields: Fields) {
        place = fields.place
        let folder =
            fields.value("certificates", .path("a folder"))
            ?? Shape.resolve("certificates", besides: fields.place.file)
        certificates = folder
        authority = fields.value("ca", .path("a PEM file")) ?? folder + "/ca.pem"
        fields.finish()
    }
}
