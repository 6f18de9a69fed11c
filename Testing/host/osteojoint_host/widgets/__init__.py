"""Stand-ins for the widgets of qMRML and CTK: Qt widgets with the names, properties and signals of the C++ ones."""
