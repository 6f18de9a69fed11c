"""What the panel's sections are put together from: tables, forms, looks, the mask editor."""
