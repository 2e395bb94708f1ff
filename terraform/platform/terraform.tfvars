# who hears of alarms, of trainings that end, and of the budget
alert_emails       = []
monthly_budget_usd = 200
