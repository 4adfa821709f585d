/// A place where nodes stand: a shop, a mill, a data centre.
public struct Site: Sendable {
    public let name: String
    /// Degrees north and east, or `nil` when not given. It is only the first guess of a distance,
    /// until round trips are measured.
    public let location: Location?
    /// For how many hours the site must get by without its upstream; 0 (default) asks nothing.
    public let offlineHours: Int
    /// Who answers for it; `nil` when nobody is named.
    public let owner: String?
    public let place: Place

    /// A point on the globe in degrees.
    public struct Location: Hashable, Sendable {
        /// North positive, −90 to 90.
        public let latitude: Double
        /// East positive, −180 to 180.
        public let longitude: Double
    }

    init(_ name: String, _ place: Place, _ fields: Fields) {
        self.name = name
        self.place = place
        location = fields.value("location", .location)
        let offline = fields.fields("offline")
        // A year: longer is no outage but another product.
        offlineHours = offline.value("hours", .count(0...8784), or: 0)
        offline.finish()
        owner = fields.value("owner", .text("who answers for the site"))
        fields.finish()
    }
}

extension Shape<Site.Location> {
    static var location: Shape {
        let expected = "[latitude, longitude] in degrees, such as [52.52, 13.40]"
        return Shape(expected) { entry, name, report in
            guard case .list(let items) = entry.content, items.count == 2 else {
                if case .unreadable = entry.content { return nil }
                report.add(entry.place, "\(name) is not two numbers", "give \(expected)")
                return nil
            }
            let latitude = Shape<Double>.decimal(-90...90)
                .read(items[0], "latitude in \(name)", report)
            let longitude = Shape<Double>.decimal(-180...180)
                .read(items[1], "longitude in \(name)", report)
            guard let latitude, let longitude else { return nil }
            return Site.Location(latitude: latitude, longitude: longitude)
        }
    }
}
